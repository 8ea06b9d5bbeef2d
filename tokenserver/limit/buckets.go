package limit

import (
	"hash/maphash"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/utils/lru"
)

// shards is how many parts the memory has, each with a lock of its own: requests wait for one another only where their keys
// fall into the same part.
const shards = 64

// buckets is a token bucket for each key, the least recently used of which are forgotten.
type buckets[K comparable] struct {
	rate  rate.Limit
	burst int
	// seed keeps those who choose keys from choosing the part that they fall into.
	seed  maphash.Seed
	parts [shards]part
}

// part is one part of the memory. Its lock makes finding a bucket and taking from it one step; an LRU of k8s.io/utils has one
// for itself, too.
type part struct {
	mu     sync.Mutex
	recent *lru.Cache
}

// newBuckets returns buckets for about so many keys. At a rate of 0, or below, there is no limit.
func newBuckets[K comparable](rate rate.Limit, burst, keys int) *buckets[K] {
	b := &buckets[K]{rate: rate, burst: burst, seed: maphash.MakeSeed()}
	for i := range b.parts {
		b.parts[i].recent = lru.New(max(1, keys/shards))
	}
	return b
}

// take takes the cost from the key's bucket. Where it has not so much, it takes nothing and returns the time until there is
// what is wanted next, and false.
func (b *buckets[K]) take(now time.Time, key K, cost, next int) (wait time.Duration, ok bool) {
	if b.rate <= 0 {
		return 0, true
	}
	part := &b.parts[maphash.Comparable(b.seed, key)%shards]
	part.mu.Lock()
	defer part.mu.Unlock()
	bucket, cost := b.bucket(part, key), min(cost, b.burst) // what costs more than there can ever be costs all
	if bucket.AllowN(now, cost) {
		return 0, true
	}
	missing := float64(min(max(cost, next), b.burst)) - bucket.TokensAt(now)
	// Rounded up to a nanosecond: who comes when told finds what was promised.
	return time.Duration(math.Ceil(missing / float64(b.rate) * float64(time.Second))), false
}

// bucket returns the key's bucket, a full one where there was none. The part is locked.
func (b *buckets[K]) bucket(part *part, key K) *rate.Limiter {
	if found, ok := part.recent.Get(key); ok {
		if bucket, ok := found.(*rate.Limiter); ok {
			return bucket
		}
	}
	bucket := rate.NewLimiter(b.rate, b.burst)
	part.recent.Add(key, bucket)
	return bucket
}

// size returns how many keys have a bucket.
func (b *buckets[K]) size() int {
	size := 0
	for i := range b.parts {
		size += b.parts[i].recent.Len()
	}
	return size
}
