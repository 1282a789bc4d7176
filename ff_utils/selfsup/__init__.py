"""Self-supervised Forward-Forward against backpropagation: pretext tasks, transfer, embeddings (source C)."""
