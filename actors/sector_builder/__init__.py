"""What the SectorBuilder is made of: its book of sectors, its workers, and how far each sealing is."""
