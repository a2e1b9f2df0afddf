"""Engines that a site's readings could lie in, made to do the same work for `yinding bench store`."""
