"""Networks as they are deployed: runtimes, ONNX files, eight-bit integers and their calibration."""
