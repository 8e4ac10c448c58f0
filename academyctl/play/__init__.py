"""A page on this machine that plays what is published of one video, with hls.js and no other server."""
