"""Video in, face crops out: the same code prepares training data and reads video in deployment."""
