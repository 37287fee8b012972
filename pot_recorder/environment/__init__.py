"""What a run ran on and what it cost, measured on the run itself."""
