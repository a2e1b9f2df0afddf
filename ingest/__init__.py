"""MQTT and RTSP in: strict decoding and supervision of sources."""
