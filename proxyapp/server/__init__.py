"""HTTP/1.1 from clients, under Daphne and uvicorn: strict, with deadlines and back-pressure."""
