"""Networks as backends run them: what each loses and gains over PyTorch in fp32."""
