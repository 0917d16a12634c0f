package pos

import (
	_ "embed" // for the description
	"slices"
)

//go:embed openapi.yaml
var openAPI []byte

// OpenAPI is the description of /pos/v1 for machines, YAML.
func OpenAPI() []byte { return slices.Clone(openAPI) }
