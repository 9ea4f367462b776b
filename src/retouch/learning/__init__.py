"""Learning from corrections: who acted (`labels`), what counts how much (`weights`), what is drawn (`batches`), the
loop (`train`).

Only `train` imports torch.
"""
