"""What every stage runs on: errors as sentences, logs, whole files, processes, GPUs; nothing here changes a result."""
