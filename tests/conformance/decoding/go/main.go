// What a Go type makes of inputs: whether it takes them, and what it writes again. Inputs are bent out of valid ones, or
// come from whoever asks. See docs/decoding.md.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"hash/fnv"
	"io"
	"os"
	"strconv"
)

// A Value reads itself from CBOR and writes itself.
type Value interface {
	UnmarshalCBOR(io.Reader) error
	MarshalCBOR(io.Writer) error
}

// What became of an input.
const (
	refused    = iota
	taken      // and written again
	broken     // taken, and a set in it has no runs
	panicked   // the decoder did not return
	different  // two types that ought to be alike are not
	unwritable // taken, and not to be written again
)

const sameSize = 1<<32 - 1

func one(make func() Value, sets func(Value, *bytes.Buffer) error, in []byte, out *bytes.Buffer) (status byte) {
	defer func() {
		if recover() != nil {
			status = panicked
		}
	}()
	out.Reset()
	value := make()
	if err := value.UnmarshalCBOR(bytes.NewReader(in)); err != nil {
		return refused
	}
	if err := value.MarshalCBOR(out); err != nil {
		return unwritable
	}
	size := out.Len()
	if sets != nil && sets(value, out) != nil {
		out.Truncate(size)
		return broken
	}
	return taken
}

func corpusOf(name string) (found [][]byte) {
	data, err := os.ReadFile(name)
	if err != nil {
		panic(err)
	}
	for len(data) > 0 {
		size := binary.BigEndian.Uint32(data)
		found = append(found, data[4:4+size])
		data = data[4+size:]
	}
	return found
}

// Arguments: CORPUS COUNT SEED TYPE... Written for each input: its length, what became of it, what was done to it as
// bits, the length of what it is written as again (sameSize: as it came), the input, and what it is written as if that
// differs; what is in its sets stands after that.
func main() {
	count, err := strconv.Atoi(os.Args[2])
	if err != nil {
		panic(err)
	}
	var makers []func() Value
	for _, name := range os.Args[4:] {
		if kinds[name] == nil {
			panic("no type " + name)
		}
		makers = append(makers, kinds[name])
	}
	seed := fnv.New64a()
	io.WriteString(seed, os.Args[3]+os.Args[4])
	mutator := newMutator(int64(seed.Sum64()), corpusOf(os.Args[1]))
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	sets := setsOf(makers[0]())
	var first, again bytes.Buffer
	for i := 0; i < count; i++ {
		in, done := mutator.next()
		status := one(makers[0], sets, in, &first)
		for _, make := range makers[1:] {
			if one(make, sets, in, &again) != status || (status == taken && !bytes.Equal(first.Bytes(), again.Bytes())) {
				status = different
			}
		}
		size, written := uint32(0), first.Bytes()
		if status == taken || status == broken {
			size = uint32(len(written))
			if bytes.Equal(written, in) {
				size = sameSize
			}
		}
		var frame [13]byte
		binary.BigEndian.PutUint32(frame[0:], uint32(len(in)))
		frame[4] = status
		binary.BigEndian.PutUint32(frame[5:], done)
		binary.BigEndian.PutUint32(frame[9:], size)
		out.Write(frame[:])
		out.Write(in)
		if size != 0 && size != sameSize {
			out.Write(written)
		}
	}
	out.Flush()
}
