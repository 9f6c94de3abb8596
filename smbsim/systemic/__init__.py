"""What one firm means to all others: the systemic risk index and multipliers of the network at rest."""
