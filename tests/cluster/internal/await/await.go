// Package await waits for conditions: every wait has an end, and its error says what was awaited and what was last seen.
package await

import (
	"context"
	"fmt"
	"time"
)

// poll is how often a condition is looked at: often enough not to be felt, seldom enough not to load two cores.
const poll = 50 * time.Millisecond

// Until looks at the condition until it holds. The condition returns nil when it does, and otherwise an error that says what
// is still missing; that is part of the error of a wait that came to its end.
func Until(ctx context.Context, timeout time.Duration, what string, condition func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	var missing error
	for {
		seen := condition(ctx)
		if seen == nil {
			return nil
		}
		// What is missing tells more than that the last look was cut off.
		if missing == nil || ctx.Err() == nil {
			missing = seen
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited up to %s for %s: %w", timeout, what, missing)
		case <-ticker.C:
		}
	}
}
