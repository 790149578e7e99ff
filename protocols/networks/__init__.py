"""Networks as profiles: one file each; a difference between networks is a field, never a branch in a rule."""
