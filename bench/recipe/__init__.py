"""The published recipe, as its authors ran it in 2018, as the yardstick of accuracy; flaws and all.

From their text and notebooks: dlib's frontal detector upsampled once over the full picture, its 68 landmarks, the
published patches; else one eye; else the whole picture, as if it were skin. Patches are rolled to balance the classes,
counted over all labelled images. Only then is the data split, 80 to 20 within each class and row by row, so that one
face lies on both sides. Features are kept in half precision; the regressor is scikit-learn's with its defaults; a
selfie's score is the mean over its patches, each rounded to two decimals.

What differs here: the backbone is the caller's (theirs was ResNet-152 from Caffe), patches are not written to JPEG
files in between, and resized by area instead of Lanczos. `texture`'s features are brought to the size of a network's
before they are learned from.
"""
