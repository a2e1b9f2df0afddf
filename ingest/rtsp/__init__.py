"""A lean RTSP client: reads a camera's stream and picks out the pictures worth decoding."""
