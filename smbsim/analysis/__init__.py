"""What can be learned from an economy by moving it many times: stability, ensembles, resilience."""
