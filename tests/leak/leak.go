// leak tcp|udp|name: one packet by Go's own means, which are system calls.
package main

import (
	"fmt"
	"net"
	"os"
	"time"
)

func attempt(way string) error {
	switch way {
	case "name":
		_, err := net.LookupHost("leak.example.test")
		return err
	case "udp":
		to, err := net.Dial("udp", "203.0.113.7:4242")
		if err == nil {
			_, err = to.Write([]byte("leak"))
		}
		return err
	default:
		_, err := net.DialTimeout("tcp", "203.0.113.7:80", time.Second)
		return err
	}
}

func main() {
	fmt.Println(attempt(os.Args[1]))
}
