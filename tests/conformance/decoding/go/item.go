package main

import (
	"encoding/binary"
	"errors"
)

const (
	unsigned = iota
	negative
	byteString
	textString
	array
	mapping
	tag
	other
)

// An item of CBOR as a tree that can be bent: heads wider than they need be, lengths that lie.
type item struct {
	major  byte
	number uint64
	data   []byte
	kids   []*item
	wide   byte // 24..27 for a head of that width; 0 for the least
	open   bool // of indefinite length
	lie    bool // number is not the length of data or kids
	raw    []byte
}

var errShort = errors.New("input ends inside an item")

func parse(in []byte) (*item, []byte, error) {
	if len(in) == 0 {
		return nil, nil, errShort
	}
	it := &item{major: in[0] >> 5}
	low := in[0] & 31
	in = in[1:]
	switch {
	case low < 24:
		it.number = uint64(low)
	case low < 28:
		size := 1 << (low - 24)
		if len(in) < size {
			return nil, nil, errShort
		}
		for _, b := range in[:size] {
			it.number = it.number<<8 | uint64(b)
		}
		in = in[size:]
	default:
		return nil, nil, errShort
	}
	count := 0
	switch it.major {
	case byteString, textString:
		if uint64(len(in)) < it.number {
			return nil, nil, errShort
		}
		it.data = append([]byte(nil), in[:it.number]...)
		return it, in[it.number:], nil
	case array:
		count = int(it.number)
	case mapping:
		count = 2 * int(it.number)
	case tag:
		count = 1
	}
	for i := 0; i < count; i++ {
		var kid *item
		var err error
		kid, in, err = parse(in)
		if err != nil {
			return nil, nil, err
		}
		it.kids = append(it.kids, kid)
	}
	return it, in, nil
}

func (it *item) clone() *item {
	c := *it
	c.data = append([]byte(nil), it.data...)
	c.kids = make([]*item, len(it.kids))
	for i, kid := range it.kids {
		c.kids[i] = kid.clone()
	}
	return &c
}

func (it *item) all(into []*item) []*item {
	into = append(into, it)
	for _, kid := range it.kids {
		into = kid.all(into)
	}
	return into
}

func head(out []byte, major byte, number uint64, wide byte) []byte {
	least := byte(0)
	switch {
	case number < 24:
	case number < 1<<8:
		least = 24
	case number < 1<<16:
		least = 25
	case number < 1<<32:
		least = 26
	default:
		least = 27
	}
	if wide < least {
		wide = least
	}
	major <<= 5
	switch wide {
	case 0:
		return append(out, major|byte(number))
	case 24:
		return append(out, major|24, byte(number))
	case 25:
		return binary.BigEndian.AppendUint16(append(out, major|25), uint16(number))
	case 26:
		return binary.BigEndian.AppendUint32(append(out, major|26), uint32(number))
	default:
		return binary.BigEndian.AppendUint64(append(out, major|27), number)
	}
}

func (it *item) write(out []byte) []byte {
	if it.raw != nil {
		return append(out, it.raw...)
	}
	number := it.number
	if !it.lie {
		switch it.major {
		case byteString, textString:
			number = uint64(len(it.data))
		case array:
			number = uint64(len(it.kids))
		case mapping:
			number = uint64(len(it.kids) / 2)
		}
	}
	if it.open && it.major >= byteString && it.major <= mapping {
		out = append(out, it.major<<5|31)
		if it.major <= textString {
			half := len(it.data) / 2
			out = append(head(out, it.major, uint64(half), 0), it.data[:half]...)
			out = append(head(out, it.major, uint64(len(it.data)-half), 0), it.data[half:]...)
		}
		for _, kid := range it.kids {
			out = kid.write(out)
		}
		return append(out, 0xff)
	}
	out = head(out, it.major, number, it.wide)
	out = append(out, it.data...)
	for _, kid := range it.kids {
		out = kid.write(out)
	}
	return out
}
