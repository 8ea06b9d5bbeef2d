package access

import "slices"

// ceiling is the levels whose union is the most that a host's applications can have.
type ceiling []*Level

func ceilingOf(facts Facts, host *Tenant) ceiling {
	levels := make(ceiling, 0, len(host.Levels))
	for _, name := range host.Levels {
		if level := facts.Level(name); level != nil {
			levels = append(levels, level)
		}
	}
	return levels
}

// BeyondCeiling returns what of the version's access the host's levels do not allow, whatever the audience: it is in no token.
func BeyondCeiling(facts Facts, host *Tenant, version *Version) Scopes {
	wanted, _, _ := scopesFor(facts, version)
	return slices.DeleteFunc(slices.Clone(wanted), ceilingOf(facts, host).has)
}

func (c ceiling) has(scope string) bool {
	return slices.ContainsFunc(c, func(level *Level) bool { return level.Scopes.Has(scope) })
}
