"""The kinds of files that weights come in, read down to the shapes of their tensors. Needs no torch."""
