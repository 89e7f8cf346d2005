"""HTTP/1.1 on httptools (llhttp), as server and as client, every limit explicit."""
