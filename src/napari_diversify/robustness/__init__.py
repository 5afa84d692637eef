"""From where on does a segmenter fail? Its scores against PSNR, depth, cutoff, or any parameter.

:mod:`.segmenters` says which, :mod:`.study` what is varied, :mod:`.following` yields a row per
sample as it is scored, :mod:`.running` keeps them in a folder, and :mod:`.curves` draws the
conclusions.
"""
