package directory

import (
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"countersign.dev/access"
)

const (
	// applicationsPerPage is how many applications a page of offers looks at, about: those of one window.
	applicationsPerPage = 1000
	// windowBits bounds how narrow a window can be: the UIDs that share four hexadecimal digits.
	windowBits = 16
)

// OffersPage is some of what is offered to a tenant.
type OffersPage struct {
	Offers []access.Offering
	// Next is the place where the next page begins; empty: this was the last.
	Next string
}

// TenantOf returns the accepted tenant that the namespace speaks for, or nil.
func (d *Directory) TenantOf(namespace string) *access.Tenant { return access.HostOf(d, namespace) }

// OfferTo returns what the host tenant's application of that name offers the tenant, or false where it offers it nothing, which
// nobody can tell from there being no such application.
func (d *Directory) OfferTo(tenant *access.Tenant, host, application string) (access.Offering, bool) {
	hosting := access.AcceptedTenant(d, host)
	if hosting == nil {
		return access.Offering{}, false
	}
	facts := d.Application(hosting.Namespace, application)
	if facts == nil {
		return access.Offering{}, false
	}
	return access.OfferTo(d, facts, tenant)
}

// OffersPage returns at most limit of what is offered to the tenant behind the place, as things stand at this moment. What is
// offered all along is on one page of those that lead from one to the next. The empty place is the beginning, and any other is
// good, too.
//
// A page ends where limit is reached, or where a window does: a part of all possible UIDs, whose bounds come from how many
// applications there are, by powers of two, and not from which. So neither what a page lists, nor where it ends, nor where the
// next begins, depends on an application that is not offered to the tenant; and however many these are, a page looks at about
// applicationsPerPage of them. It can be shorter than the limit, even empty, and not be the last.
func (d *Directory) OffersPage(tenant *access.Tenant, after string, limit int) OffersPage {
	return d.offersPage(tenant, after, limit, applicationsPerPage)
}

func (d *Directory) offersPage(tenant *access.Tenant, after string, limit, perWindow int) OffersPage {
	page, end := OffersPage{}, windowEnd(after, d.applications.byUID.len(), perWindow)
	for app := range d.applications.byUID.from(&application{facts: &access.Application{UID: types.UID(after)}}) {
		uid := string(app.facts.UID)
		if end != "" && uid >= end {
			break
		}
		if uid == after {
			continue
		}
		offering, offered := access.OfferTo(d, app.facts, tenant)
		if !offered {
			continue
		}
		if len(page.Offers) == limit {
			page.Next = string(page.Offers[limit-1].Application.UID)
			return page
		}
		page.Offers = append(page.Offers, offering)
	}
	page.Next = end
	return page
}

// windowEnd returns the end of the window that the place is in: the least UID that is not in it any more, empty for the last
// window. All windows are of one size, and UIDs are random: each holds as many applications, but for chance.
func windowEnd(place string, applications, perWindow int) string {
	width := 1 << windowBits
	for ; applications > perWindow && width > 1; applications /= 2 {
		width /= 2
	}
	end := (head(place)/width + 1) * width
	if end >= 1<<windowBits {
		return ""
	}
	return fmt.Sprintf("%04x", end)
}

// head is the number that the first four digits of a UID are. It grows with the text whatever that is: what is no digit counts
// as the least or the greatest, as it comes before or behind them in order.
func head(uid string) int {
	value, filler := 0, -1
	for i := range windowBits / 4 {
		digit := 0
		switch {
		case filler >= 0:
			digit = filler
		case i >= len(uid) || uid[i] < '0':
			filler = 0
		case uid[i] <= '9':
			digit = int(uid[i] - '0')
		case uid[i] < 'a': // behind 9
			digit, filler = 9, 15
		case uid[i] <= 'f':
			digit = int(uid[i]-'a') + 10
		default:
			digit, filler = 15, 15
		}
		value = value<<4 | digit
	}
	return value
}
