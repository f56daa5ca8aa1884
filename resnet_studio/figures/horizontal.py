def horizontal_steps(a,o,c=None): yield
