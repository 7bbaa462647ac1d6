"""Losses with which networks are taught to recognise images of low resolution.

The distillers of classifiers and of face recognisers put them together: Pixel Distillation (Guo et al., TPAMI 2024),
whose student must be able to rebuild the large image from its first layer; A-SKD (Shin et al., ECCV 2022), whose
student must attend where the teacher does; its successor F-SKD (2023); and what they are compared with. Student and
teacher see the same images, the student small ones.

Each function returns one number. The weights that papers give them are in their docstrings, and left to the caller.
"""
