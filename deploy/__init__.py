"""What turns the parts into something running: command line, demonstrations, benchmarks."""
