"""The only user of ffmpeg and PyAV: probing, decoding, sound, encoding, muxing."""
