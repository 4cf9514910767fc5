<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.22.16" styleCategories="Symbology">
  <pipe>
    <provider>
      <resampling enabled="false" zoomedInResamplingMethod="nearestNeighbour" maxOversampling="2" zoomedOutResamplingMethod="nearestNeighbour"/>
    </provider>
    <rasterrenderer alphaBand="-1" classificationMax="1" band="1" nodataColor="" opacity="1" classificationMin="0.02" type="singlebandpseudocolor">
      <minMaxOrigin>
        <limits>None</limits>
        <extent>WholeRaster</extent>
        <statAccuracy>Estimated</statAccuracy>
        <cumulativeCutLower>0.02</cumulativeCutLower>
        <cumulativeCutUpper>0.98</cumulativeCutUpper>
        <stdDevFactor>2</stdDevFactor>
      </minMaxOrigin>
      <rastershader>
        <colorrampshader minimumValue="0.02" colorRampType="INTERPOLATED" classificationMode="1" maximumValue="1" clip="0" labelPrecision="6">
          <item color="#f4efe6" value="0.02" alpha="255" label="0.02 (dense city)"/>
          <item color="#dfe3bf" value="0.05" alpha="255" label="0.05"/>
          <item color="#b3cd8b" value="0.12" alpha="255" label="0.12"/>
          <item color="#6faa5b" value="0.3" alpha="255" label="0.3"/>
          <item color="#2f7d43" value="0.6" alpha="255" label="0.6"/>
          <item color="#0b4a2b" value="1" alpha="255" label="1 (closed forest)"/>
          <rampLegendSettings minimumLabel="" orientation="2" suffix="" prefix="" direction="0" useContinuousLegend="1" maximumLabel="">
            <numericFormat id="basic">
              <Option type="Map">
                <Option value="" name="decimal_separator" type="QChar"/>
                <Option value="6" name="decimals" type="int"/>
                <Option value="0" name="rounding_type" type="int"/>
                <Option value="false" name="show_plus" type="bool"/>
                <Option value="true" name="show_thousand_separator" type="bool"/>
                <Option value="false" name="show_trailing_zeros" type="bool"/>
                <Option value="" name="thousand_separator" type="QChar"/>
              </Option>
            </numericFormat>
          </rampLegendSettings>
        </colorrampshader>
      </rastershader>
    </rasterrenderer>
    <brightnesscontrast contrast="0" brightness="0" gamma="1"/>
    <huesaturation colorizeStrength="100" colorizeGreen="128" colorizeOn="0" colorizeBlue="128" saturation="0" colorizeRed="255" invertColors="0" grayscaleMode="0"/>
    <rasterresampler maxOversampling="2"/>
    <resamplingStage>resamplingFilter</resamplingStage>
  </pipe>
  <blendMode>0</blendMode>
</qgis>
