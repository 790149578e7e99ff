"""A picture of a chain: heights from left to right, a dot per block, lines to parents; the heaviest chain is blue."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw
from thespis.actors.chain.reader import ChainReader
from thespis.protocols.encoding.cid import Cid
from thespis.runtime.store.interface import CHAIN_INDEX, StoreReader

STEP_X, STEP_Y, DOT, MARGIN = 14, 18, 4, 24
ROW_HEIGHTS = 120
"""Heights per row; longer chains wrap."""
BACKGROUND, FORK, HEAVIEST, TEXT = (255, 255, 255), (200, 90, 70), (40, 90, 180), (90, 90, 90)


def draw_chain(store: StoreReader, path: Path) -> None:
    """Draw every valid block that a store knows."""
    reader = ChainReader(store)
    head = reader.head()
    heaviest = {cid for tipset in reader.history(head) for cid in tipset.key}
    blocks: dict[int, list[Cid]] = {}
    for key, _ in store.scan(CHAIN_INDEX, b"b"):
        blocks.setdefault(int.from_bytes(key[1:9], "big"), []).append(Cid.parse(key[9:]))
    widest = max(len(cids) for cids in blocks.values())
    rows = (max(blocks) // ROW_HEIGHTS) + 1
    row_height = (widest + 2) * STEP_Y
    size = (2 * MARGIN + ROW_HEIGHTS * STEP_X, 2 * MARGIN + rows * row_height)
    image = Image.new("RGB", size, BACKGROUND)
    draw = ImageDraw.Draw(image)
    places: dict[Cid, tuple[int, int]] = {}
    for height, cids in sorted(blocks.items()):
        cids.sort(key=lambda cid: (cid not in heaviest, cid.data))
        x = MARGIN + (height % ROW_HEIGHTS) * STEP_X
        top = MARGIN + (height // ROW_HEIGHTS) * row_height
        for lane, cid in enumerate(cids):
            places[cid] = (x, top + (lane + 1) * STEP_Y)
        if height % 10 == 0:
            draw.text((x - 6, top), str(height), fill=TEXT)
    for cid, (x, y) in places.items():
        for parent in reader.header(cid).parents:
            if parent in places and places[parent][0] < x:
                draw.line([places[parent], (x, y)], fill=HEAVIEST if cid in heaviest else FORK, width=1)
    for cid, (x, y) in places.items():
        colour = HEAVIEST if cid in heaviest else FORK
        draw.ellipse([x - DOT, y - DOT, x + DOT, y + DOT], fill=colour)
    image.save(path)
