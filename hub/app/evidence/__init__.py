"""Controls of standards held against what is in force."""
