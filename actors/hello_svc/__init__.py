"""The HelloSvc."""
