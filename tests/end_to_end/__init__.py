"""The whole house over real sockets: broker, service, devices, cameras, browser."""
