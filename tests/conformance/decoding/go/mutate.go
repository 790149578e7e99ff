package main

import (
	"math/rand"
	"strings"
)

// What may be done to an input, by the number of its bit.
const (
	plain = iota
	wideHead
	indefinite
	number
	lengthLies
	truncated
	trailing
	null
	simple
	otherType
	someBytes
	bigInteger
	bits
	addressBytes
	link
	tagged
	text
	items
	spliced
	flipped
	long
	signature
)

type mutator struct {
	*rand.Rand
	corpus []*item
	pool   []*item
}

func newMutator(seed int64, corpus [][]byte) *mutator {
	m := &mutator{Rand: rand.New(rand.NewSource(seed))}
	for _, each := range corpus {
		it, rest, err := parse(each)
		if err != nil || len(rest) > 0 {
			panic("corpus has what is no item")
		}
		m.corpus = append(m.corpus, it)
		if len(m.pool) < 3000 {
			m.pool = it.all(m.pool)
		}
	}
	return m
}

// oneOf gives an index by weight.
func (m *mutator) oneOf(weights ...int) int {
	total := 0
	for _, w := range weights {
		total += w
	}
	at := m.Intn(total)
	for i, w := range weights {
		if at < w {
			return i
		}
		at -= w
	}
	return 0
}

var odd = [][]byte{
	{0xf4}, {0xf5}, {0xf7}, {0xf8, 0x18}, {0xf8, 0xff}, {0xf8, 0x14}, {0xf9, 0, 0}, {0xf9, 0x3c, 0}, {0xf9, 0x7e, 0},
	{0xfa, 0, 0, 0, 0}, {0xfb, 0, 0, 0, 0, 0, 0, 0, 0}, {0xfb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0}, {0xff}, {0xe0}, {0xf3},
	{0x1c}, {0xfc}, {0xf8, 0x15}, {0xf8, 0x16},
}

func (m *mutator) bend(root *item) (*item, int) {
	nodes := root.all(nil)
	at := nodes[m.Intn(len(nodes))]
	if len(nodes) > 1 && m.Intn(4) > 0 { // leaves, of which there is more to say
		for i := 0; i < 4 && len(at.kids) > 0; i++ {
			at = nodes[m.Intn(len(nodes))]
		}
	}
	switch at.major {
	case byteString:
		if m.Intn(10) < 7 {
			return root, m.bendBytes(at)
		}
	case tag:
		if m.Intn(10) < 6 {
			*at = *m.link()
			return root, link
		}
	case textString:
		if m.Intn(10) < 6 {
			at.data = m.text()
			return root, text
		}
	case unsigned, negative:
		if m.Intn(10) < 6 {
			if m.Intn(3) == 0 {
				at.major = byte(m.Intn(2))
			}
			at.number = edges[m.Intn(len(edges))]
			if m.Intn(3) == 0 {
				at.number = m.Uint64() >> m.Intn(64)
			}
			return root, number
		}
	case array:
		if m.Intn(10) < 5 {
			switch n := len(at.kids); {
			case n > 0 && m.Intn(3) == 0:
				i := m.Intn(n)
				at.kids = append(at.kids[:i:i], at.kids[i+1:]...)
			case n > 0 && m.Intn(2) == 0:
				i := m.Intn(n)
				at.kids = append(at.kids, at.kids[i].clone())
			case n > 1 && m.Intn(2) == 0:
				i, j := m.Intn(n), m.Intn(n)
				at.kids[i], at.kids[j] = at.kids[j], at.kids[i]
			default:
				at.kids = append(at.kids, m.pool[m.Intn(len(m.pool))].clone())
			}
			return root, items
		}
	}
	switch m.oneOf(4, 3, 2, 4, 3, 3, 4, 2) {
	case 0:
		at.wide = byte(24 + m.Intn(4))
		return root, wideHead
	case 1:
		at.open = true
		return root, indefinite
	case 2:
		at.lie = true
		at.number = uint64(len(at.data)+len(at.kids)) + uint64(m.Intn(5)) - 2
		if m.Intn(3) == 0 {
			at.number = edges[m.Intn(len(edges))]
		}
		return root, lengthLies
	case 3:
		at.raw = []byte{0xf6}
		return root, null
	case 4:
		at.raw = odd[m.Intn(len(odd))]
		return root, simple
	case 5:
		*at = item{major: byte(m.Intn(8)), number: uint64(m.Intn(24))}
		if at.major == other {
			at.number = 20 + uint64(m.Intn(4))
		}
		if at.major == tag {
			at.kids = []*item{{major: byteString, data: m.random(5)}}
		}
		return root, otherType
	case 6:
		*at = *m.pool[m.Intn(len(m.pool))].clone()
		return root, spliced
	}
	inner := *at
	*at = item{major: tag, number: []uint64{0, 1, 2, 3, 4, 24, 42, 43, 258, 55799, 1 << 40}[m.Intn(11)], kids: []*item{&inner}}
	return root, tagged
}

func (m *mutator) bendBytes(at *item) int {
	first := byte(255)
	if len(at.data) > 0 {
		first = at.data[0]
	}
	switch m.oneOf(3, 4, 4, 4, 1, 2) {
	case 0:
		switch n := len(at.data); {
		case n > 0 && m.Intn(3) == 0:
			at.data = at.data[:m.Intn(n)]
		case n > 0 && m.Intn(2) == 0:
			at.data[m.Intn(n)] ^= 1 << m.Intn(8)
		case m.Intn(2) == 0:
			at.data = append(at.data, m.random(3)...)
		default:
			at.data = m.random(8)
		}
		return someBytes
	case 1:
		if first <= 1 && m.Intn(2) == 0 { // zeros in front, the value kept
			zeros := make([]byte, 1+m.Intn(3))
			at.data = append(append([]byte{first}, zeros...), at.data[1:]...)
		} else {
			at.data = m.bigInteger()
		}
		return bigInteger
	case 2:
		at.data = m.rle()
		return bits
	case 3:
		at.data = m.address()
		return addressBytes
	case 4:
		at.major = textString
		return otherType
	}
	at.data = append([]byte{byte(m.Intn(6))}, make([]byte, []int{65, 96, 0, 198, 199, 200, 64}[m.Intn(7)])...)
	return signature
}

// lengthen makes an item longer than some bound, or just as long.
func (m *mutator) lengthen(root *item) {
	nodes := root.all(nil)
	at := nodes[m.Intn(len(nodes))]
	for i := 0; i < 8 && (at.major < byteString || at.major > array); i++ {
		at = nodes[m.Intn(len(nodes))]
	}
	delta := m.Intn(3) - 1
	switch at.major {
	case byteString:
		sizes := []int{32 << 10, 32 << 10, 8192, 512, 200, 128, 100, 64}
		size := sizes[m.Intn(len(sizes))] + delta
		if m.Intn(100) == 0 {
			size = 2<<20 + delta
		}
		lead := append([]byte(nil), at.data...)
		at.data = append(lead, make([]byte, max(0, size-len(lead)))...)
		if m.Intn(2) == 0 {
			at.data[len(at.data)-1] = 1
		}
	case textString:
		at.data = []byte(strings.Repeat("x", []int{8192, 8192, 256, 4096}[m.Intn(4)]+delta))
	case array:
		sizes := []int{8192, 8192, 48, 128, 100}
		size := sizes[m.Intn(len(sizes))] + delta
		kid := m.pool[m.Intn(len(m.pool))]
		if len(at.kids) > 0 {
			kid = at.kids[0]
		}
		if size > 1000 && len(kid.write(nil)) > 60 {
			size = 49
		}
		for len(at.kids) < size {
			at.kids = append(at.kids, kid)
		}
	}
}

func max(a, b int) int {
	if a > b {
		return a
	}
	return b
}

// next makes an input, and says what was done to it as a bit of each class.
func (m *mutator) next() ([]byte, uint32) {
	root := m.corpus[m.Intn(len(m.corpus))].clone()
	done := uint32(0)
	if m.Intn(3000) == 0 {
		m.lengthen(root)
		done |= 1 << long
	} else {
		for i := m.oneOf(4, 60, 20, 8, 4); i > 0; i-- {
			var class int
			root, class = m.bend(root)
			done |= 1 << class
		}
	}
	out := root.write(nil)
	switch m.Intn(40) {
	case 0:
		out = out[:m.Intn(len(out)+1)]
		done |= 1 << truncated
	case 1, 2:
		out = append(out, m.random(4)...)
		done |= 1 << trailing
	case 3:
		if len(out) > 0 {
			out[m.Intn(len(out))] ^= 1 << m.Intn(8)
			done |= 1 << flipped
		}
	}
	if done == 0 {
		done = 1 << plain
	}
	return out, done
}
