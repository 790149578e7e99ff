package main

import (
	"encoding/binary"
)

var edges = []uint64{
	0, 1, 2, 5, 23, 24, 47, 48, 49, 100, 127, 128, 255, 256, 1000, 8191, 8192, 8193, 32768, 65535, 65536, 1 << 21, 1<<21 + 1,
	1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1<<62 - 1, 1<<63 - 1, 1 << 63, 1<<63 + 1, 1<<64 - 2, 1<<64 - 1,
}

func (m *mutator) random(most int) []byte {
	out := make([]byte, m.Intn(most+1))
	m.Read(out)
	return out
}

func (m *mutator) varint(n uint64) []byte {
	out := binary.AppendUvarint(nil, n)
	if m.Intn(4) == 0 { // longer than it need be
		out[len(out)-1] |= 0x80
		for i := m.Intn(3); i > 0; i-- {
			out = append(out, 0x80)
		}
		out = append(out, 0)
	}
	return out
}

func (m *mutator) bigInteger() []byte {
	sign := []byte{0, 0, 0, 0, 1, 1, 1, 2, 3, 0x7f, 0xff}[m.Intn(11)]
	out := []byte{sign}
	switch m.Intn(6) {
	case 0:
		return out
	case 1:
		return nil
	case 2:
		out = append(out, make([]byte, 1+m.Intn(4))...)
	case 3:
		out = append(out, make([]byte, 100+m.Intn(40))...)
	case 4:
		size := 124 + m.Intn(8)
		out = append(out, make([]byte, size)...)
		m.Read(out[1:])
		return out
	}
	return append(out, m.random(20)...)
}

// rle writes runs, some of them otherwise than they ought to be.
func (m *mutator) rle() []byte {
	switch m.Intn(12) {
	case 0:
		return m.random(12)
	case 1:
		return []byte{0}
	case 2:
		return nil
	}
	var out []byte
	position := 0
	put := func(value uint64, count int) {
		for i := 0; i < count; i++ {
			if position/8 == len(out) {
				out = append(out, 0)
			}
			out[position/8] |= byte(value>>i&1) << (position % 8)
			position++
		}
	}
	version := uint64(0)
	if m.Intn(20) == 0 {
		version = uint64(m.Intn(4))
	}
	put(version, 2)
	put(uint64(m.Intn(2)), 1)
	for i := m.Intn(7); i >= 0; i-- {
		length := uint64(m.Intn(20))
		switch m.Intn(14) {
		case 0:
			length = uint64(m.Intn(1000))
		case 1:
			length = edges[m.Intn(len(edges))]
		case 2:
			length = 1
		case 3:
			length = m.Uint64() >> m.Intn(64)
		}
		if length == 0 && m.Intn(3) > 0 {
			length = 1
		}
		form := m.Intn(10)
		switch {
		case length == 1 && form < 8:
			put(1, 1)
		case length < 16 && form < 9:
			put(2, 2)
			put(length, 4)
		default:
			put(0, 2)
			for _, b := range m.varint(length) {
				put(uint64(b), 8)
			}
		}
	}
	if m.Intn(3) > 0 {
		for len(out) > 0 && out[len(out)-1] == 0 {
			out = out[:len(out)-1]
		}
	}
	if m.Intn(10) == 0 && len(out) > 0 {
		out = out[:len(out)-m.Intn(len(out))]
	}
	return out
}

func (m *mutator) address() []byte {
	fixed := func(protocol byte, size int) []byte {
		if m.Intn(5) == 0 {
			size += m.Intn(5) - 2
		}
		out := make([]byte, size)
		m.Read(out)
		return append([]byte{protocol}, out...)
	}
	switch m.Intn(9) {
	case 0, 1:
		return append([]byte{0}, m.varint(edges[m.Intn(len(edges))])...)
	case 2:
		return append([]byte{0}, m.random(11)...)
	case 3:
		return fixed(1, 20)
	case 4:
		return fixed(2, 20)
	case 5:
		return fixed(3, 48)
	case 6:
		out := append([]byte{4}, m.varint([]uint64{10, 10, 10, 32, 0, 1 << 63}[m.Intn(6)])...)
		sub := m.random(56)
		if m.Intn(2) == 0 {
			sub = fixed(0, 20)[1:]
		}
		if m.Intn(4) == 0 && len(sub) > 12 {
			copy(sub, make([]byte, 12))
			sub[0] = 0xff
		}
		return append(out, sub...)
	case 7:
		return fixed(byte(m.Intn(256)), 20)
	}
	return m.random(3)
}

var codes = []uint64{0x12, 0x12, 0xb220, 0x00, 0x13, 0x1012, 0xb401, 0x11, 0xd5, 0x20, 0x01, 0x99, 1 << 40}

func (m *mutator) link() *item {
	var cid []byte
	if m.Intn(8) == 0 {
		cid = append([]byte{0x12, 0x20}, make([]byte, 32)...)
	} else {
		version := uint64(1)
		if m.Intn(12) == 0 {
			version = uint64(m.Intn(4))
		}
		cid = m.uvarint(version)
		cid = append(cid, m.uvarint([]uint64{0x71, 0x55, 0x70, 0xf101, 0xf102, 0, 1 << 35, 1<<63 - 1}[m.Intn(8)])...)
		cid = append(cid, m.uvarint(codes[m.Intn(len(codes))])...)
		size := []int{32, 32, 20, 0, 1, 31, 33, 64, 127, 128, 130, 480, 500, 504, 505, 506, 507}[m.Intn(17)]
		claimed := size
		if m.Intn(10) == 0 {
			claimed += m.Intn(5) - 2
		}
		cid = append(cid, m.uvarint(uint64(claimed))...)
		digest := make([]byte, size)
		m.Read(digest)
		cid = append(cid, digest...)
	}
	prefix := []byte{0}
	if m.Intn(20) == 0 {
		prefix = m.random(2)
	}
	it := &item{major: tag, number: 42}
	if m.Intn(30) == 0 {
		it.number = edges[m.Intn(len(edges))]
	}
	it.kids = []*item{{major: byteString, data: append(prefix, cid...)}}
	return it
}

func (m *mutator) uvarint(n uint64) []byte {
	if m.Intn(30) == 0 {
		return m.varint(n)
	}
	return binary.AppendUvarint(nil, n)
}

func (m *mutator) text() []byte {
	switch m.Intn(6) {
	case 0:
		return []byte{0xff}
	case 1:
		return []byte("\xed\xa0\x80")
	case 2:
		return append([]byte("a"), m.random(6)...)
	case 3:
		return []byte("\xc0\x80é")
	case 4:
		return []byte("žluťoučký \x00\U0001f600")
	}
	return nil
}
