"""A Game Boy program that looks to an adapter like Pokémon Red: it keeps its state at the same addresses.

Each press of the directions moves by one; A enters the next map. The picture scrolls with the player, and its colours
change with every frame. The cartridge has a memory with a battery, which emulators like to write to a file.
"""

_ENTRY, _PROGRAM = 0x100, 0x150
_MAP, _Y, _X = 0xD35E, 0xD361, 0xD362
_FRAMES, _PRESSED = 0xC000, 0xC001
_BACKGROUND_ON, _USUAL_COLOURS = 0x91, 0xE4

# A party of two: 300 of 301 hit points at level 12, 7 of 8 at level 3.
PARTY = {0xD163: 2, 0xD16C: 300 >> 8, 0xD16D: 300 & 255, 0xD18C: 12, 0xD18D: 301 >> 8, 0xD18E: 301 & 255}
PARTY |= {0xD198: 0, 0xD199: 7, 0xD1B8: 3, 0xD1B9: 0, 0xD1BA: 8}
BADGES = 0xD356


def game_boy_rom(title=b"PUFFER"):
    """The bytes of the cartridge."""
    start = _start()
    program = start + _each_frame() + _jump(_PROGRAM + len(start))
    rom = bytearray(0x8000)
    rom[_ENTRY : _ENTRY + 4] = b"\x00" + _jump(_PROGRAM)
    rom[0x134 : 0x134 + len(title)] = title
    # The kind of cartridge is Pokémon Red's, with the same 32 KiB of memory.
    rom[0x147], rom[0x149] = 0x13, 3
    rom[_PROGRAM : _PROGRAM + len(program)] = program
    rom[0x14D] = -sum(byte + 1 for byte in rom[0x134:0x14D]) & 255
    return bytes(rom)


def _start():
    variables = {_MAP: 0, _X: 20, _Y: 30, _FRAMES: 0, _PRESSED: 0, BADGES: 0b101, **PARTY}
    return (
        bytes.fromhex("F3 31FEFF")  # No interrupts; the stack.
        + _wait_for_line(144)
        + _port(0x40, 0)  # The screen is off while its memory is written.
        + bytes.fromhex("210080 010010 7D AC 22 0B 78 B1 20F8")  # 4096 bytes of tiles: low ^ high byte of the address.
        + bytes.fromhex("210098 010004 7D 22 0B 78 B1 20F9")  # 1024 bytes of map: the low byte of the address.
        + b"".join(_store(address, value) for address, value in variables.items())
        + _port(0x47, _USUAL_COLOURS)
        + _port(0x40, _BACKGROUND_ON)
    )


def _each_frame():
    read = "E000 F000 F000 2F E60F"  # Choose a half of the keys, read it twice, 1 is pressed.
    counts = [(0, _X, 1), (1, _X, -1), (2, _Y, -1), (3, _Y, 1), (4, _MAP, 1)]
    return (
        _wait_for_line(144)
        + bytes.fromhex(f"3E20 {read} 47 3E10 {read} CB37 B0 4F")  # The keys into register C.
        + b"\x21"
        + _word(_PRESSED)
        + bytes.fromhex("7E 2F A1 47 71")  # Those that are new into B.
        + b"".join(_count_if_new(key, address, step) for key, address, step in counts)
        + _copy(_X, 0x43)  # Scroll.
        + _copy(_Y, 0x42)
        + _count(_FRAMES, 1)
        + _copy(_FRAMES, 0x47)  # The colours.
        + bytes.fromhex("F044 FE90 28FA")  # Wait for the end of the line.
    )


def _wait_for_line(line):
    return bytes.fromhex(f"F044 FE{line:02X} 20FA")


def _port(number, value):
    return bytes([0x3E, value, 0xE0, number])


def _store(address, value):
    return bytes([0x3E, value, 0xEA]) + _word(address)


def _copy(address, port):
    return b"\xfa" + _word(address) + bytes([0xE0, port])


def _count(address, step):
    return b"\x21" + _word(address) + bytes([0x34 if step > 0 else 0x35])


def _count_if_new(key, address, step):
    return bytes([0xCB, 0x40 + 8 * key, 0x28, 4]) + _count(address, step)


def _jump(address):
    return b"\xc3" + _word(address)


def _word(address):
    return address.to_bytes(2, "little")
