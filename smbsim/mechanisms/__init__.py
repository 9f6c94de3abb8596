"""What changes the state: one file each, with its equations, parameters, columns, kernels and phase methods."""
