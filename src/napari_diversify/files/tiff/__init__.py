"""OME-TIFF, ImageJ TIFF and other TIFF, read and written."""
