"""What the host gives and takes: threads and their scheduling, files that outlive the process."""
