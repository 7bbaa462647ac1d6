"""Losses that teach networks to recognise images of low resolution.

Distillers of classifiers and of face recognisers combine them: Pixel Distillation (Guo et al., TPAMI 2024),
whose student must be able to rebuild the large image from its first layer; A-SKD (Shin et al., ECCV 2022), whose
student must attend where the teacher does; its successor F-SKD (2023); and the methods that they are compared with.
Student and teacher see the same images; the student gets smaller ones.

Each function returns one number. The weights that papers give them are in their docstrings, and left to the caller.
"""
