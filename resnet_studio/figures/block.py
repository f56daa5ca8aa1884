def block_steps(a,o,c=None): yield
