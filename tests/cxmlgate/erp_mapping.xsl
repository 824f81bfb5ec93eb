<?xml version="1.0" encoding="UTF-8"?>
<!-- How the mapping of a large ERP writes its notices: no DOCTYPE, each invoice by InvoiceIDInfo alone, a credential
     without a secret before the one that counts, a PartialAmount even where nothing was paid, and an update an item. -->
<xsl:stylesheet version="3.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
  <xsl:output method="xml" indent="no"/>

  <xsl:template match="/run">
    <cXML payloadID="{@id}" timestamp="{@at}">
      <Header>
        <From><xsl:call-template name="parties"/></From>
        <To><Credential domain="NetworkID"><Identity>desk</Identity></Credential></To>
        <Sender>
          <xsl:call-template name="parties"/>
          <Credential domain="NetworkId">
            <Identity><xsl:value-of select="@sender"/></Identity>
            <SharedSecret><xsl:value-of select="@secret"/></SharedSecret>
          </Credential>
          <UserAgent>ERP</UserAgent>
        </Sender>
      </Header>
      <Request deploymentMode="production">
        <xsl:apply-templates select="item"/>
      </Request>
    </cXML>
  </xsl:template>

  <xsl:template name="parties">
    <Credential domain="EndPointID"><Identity>ERP 800</Identity></Credential>
  </xsl:template>

  <xsl:template match="item">
    <StatusUpdateRequest>
      <Status code="{if (@type = 'rejected') then '423' else '200'}" text="OK" xml:lang="DE"/>
      <InvoiceStatus type="{@type}">
        <InvoiceIDInfo invoiceID="{@number}" invoiceDate="2026-11-02T00:00:00+01:00"/>
        <PartialAmount>
          <Money currency="{@currency}" alternateAmount="" alternateCurrency="">
            <xsl:value-of select="if (@type = 'paid') then @amount else '0.00'"/>
          </Money>
        </PartialAmount>
        <Comments xml:lang="DE" type="Reason"><xsl:value-of select="@comment"/></Comments>
      </InvoiceStatus>
      <Extrinsic name="ERPInvoiceNumber"/>
    </StatusUpdateRequest>
  </xsl:template>
</xsl:stylesheet>
