"""Expected Consensus in integer arithmetic: randomness, election, weight."""
