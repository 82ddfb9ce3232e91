"""The simulator: every record, the venue and its costs, the linker, features in columns, statistics and results.

spec → bars → tape → features → strategy → wants → gates → sizing → risk → orders → venue → fills → ledger → figures → report
"""  # noqa: E501
