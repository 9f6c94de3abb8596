"""smbsim: what happens to an economy of small and medium businesses."""

__version__ = "0.1.0"
