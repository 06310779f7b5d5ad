"""x"""


def scaffold(name: str, where: object) -> None: ...
