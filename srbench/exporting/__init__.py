"""Networks with their weights as files for other programs: weights with facts, ONNX, TorchScript, a folder of a hub."""
