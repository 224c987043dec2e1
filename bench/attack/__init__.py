"""The attacker of `bench.blinding`: a study is made and served, raters' browsers are imitated, and all that they get
is given to a classifier that tries to tell golden from training images."""
