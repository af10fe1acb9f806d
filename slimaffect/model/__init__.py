"""The CNN-LSTM, its shapes, its losses, and how it is counted and kept."""
