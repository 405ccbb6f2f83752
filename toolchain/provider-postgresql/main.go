// pulumi-resource-postgresql: stands in for the published plugin of @pulumi/postgresql where that one cannot be
// downloaded. It bridges the newest Terraform provider that is published as a Go module; pgwright uses only inputs
// that both understand.
package main

import (
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	shimv1 "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v1"
	"github.com/hashicorp/terraform-plugin-sdk/helper/schema"
	"github.com/terraform-providers/terraform-provider-postgresql/postgresql"
)

// version is set at link time to the version of @pulumi/postgresql in package.json.
var version = "0.0.0"

func main() {
	info := tfbridge.ProviderInfo{
		P:       shimv1.NewProvider(postgresql.Provider().(*schema.Provider)),
		Name:    "postgresql",
		Version: version,
		Resources: map[string]*tfbridge.ResourceInfo{
			"postgresql_database":           {Tok: "postgresql:index/database:Database"},
			"postgresql_default_privileges": {Tok: "postgresql:index/defaultPrivileges:DefaultPrivileges"},
			"postgresql_extension":          {Tok: "postgresql:index/extension:Extension"},
			"postgresql_grant":              {Tok: "postgresql:index/grant:Grant", DeleteBeforeReplace: true},
			"postgresql_role":               {Tok: "postgresql:index/role:Role"},
			"postgresql_schema":             {Tok: "postgresql:index/schema:Schema"},
		},
	}
	info.SetAutonaming(255, "-")
	tfbridge.Main("postgresql", version, info, []byte(`{"name":"postgresql"}`))
}
