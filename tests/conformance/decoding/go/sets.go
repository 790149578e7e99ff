package main

import (
	"bytes"
	"reflect"

	"github.com/filecoin-project/go-bitfield"
	rle "github.com/filecoin-project/go-bitfield/rle"
)

var bitField = reflect.TypeOf(bitfield.BitField{})

func hasSets(kind reflect.Type, depth int) bool {
	if kind == bitField {
		return true
	}
	switch kind.Kind() {
	case reflect.Ptr, reflect.Slice, reflect.Array:
		return hasSets(kind.Elem(), depth+1)
	case reflect.Struct:
		for i := 0; i < kind.NumField(); i++ {
			if kind.Field(i).PkgPath == "" && depth < 8 && hasSets(kind.Field(i).Type, depth+1) {
				return true
			}
		}
	}
	return false
}

// setsOf gives what writes the sets of such a value, in the order of its fields; nil if it has none.
func setsOf(like Value) func(Value, *bytes.Buffer) error {
	if !hasSets(reflect.TypeOf(like), 0) {
		return nil
	}
	return func(value Value, out *bytes.Buffer) error { return walk(reflect.ValueOf(value), out) }
}

func walk(at reflect.Value, out *bytes.Buffer) error {
	if at.Type() == bitField {
		runs, err := at.Addr().Interface().(*bitfield.BitField).RunIterator()
		if err != nil {
			return err
		}
		data, err := rle.EncodeRuns(runs, nil)
		out.Write(data)
		return err
	}
	switch at.Kind() {
	case reflect.Ptr:
		if !at.IsNil() {
			return walk(at.Elem(), out)
		}
	case reflect.Slice, reflect.Array:
		if hasSets(at.Type().Elem(), 0) {
			for i := 0; i < at.Len(); i++ {
				if err := walk(at.Index(i), out); err != nil {
					return err
				}
			}
		}
	case reflect.Struct:
		for i := 0; i < at.NumField(); i++ {
			if field := at.Type().Field(i); field.PkgPath == "" && hasSets(field.Type, 0) {
				if err := walk(at.Field(i), out); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
