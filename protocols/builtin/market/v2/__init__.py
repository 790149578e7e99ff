"""Version 2, of network versions 4 and 5: a rule that is not in a file here is as in the file of that name above."""
