"""What trading costs: one assumption a file, one function each; the venue adds them up and books each on its own."""
